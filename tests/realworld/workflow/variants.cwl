cwlVersion: v1.2
class: Workflow
label: Joint variant calling
requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
inputs:
  reference: File
  samples: string[]
  forward: File[]
  backward: File[]
  min_seed: int?
  max_depth: int?
steps:
  bwa_index:
    run: bwa_index.cwl
    in: {reference: reference}
    out: [indexed]
  faidx:
    run: faidx.cwl
    in: {reference: reference}
    out: [indexed]
  sample:
    run: sample.cwl
    scatter: [sample, forward, backward]
    scatterMethod: dotproduct
    in:
      sample: samples
      forward: forward
      backward: backward
      min_seed: min_seed
      reference: bwa_index/indexed
    out: [alignment, counts]
  call:
    run: call.cwl
    in:
      reference: faidx/indexed
      alignments: sample/alignment
      max_depth: max_depth
    out: [variants]
  stats:
    run: stats.cwl
    in: {variants: call/variants}
    out: [counts]
outputs:
  alignments:
    type: File[]
    secondaryFiles: [.bai]
    outputSource: sample/alignment
  flagstats:
    type: File[]
    outputSource: sample/counts
  variants:
    type: File
    outputSource: call/variants
  statistics:
    type: File
    outputSource: stats/counts
