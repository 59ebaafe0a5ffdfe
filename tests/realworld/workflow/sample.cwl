cwlVersion: v1.2
class: Workflow
label: One sample, from reads to an indexed alignment
inputs:
  sample: string
  forward: File
  backward: File
  min_seed: int?
  reference:
    type: File
    secondaryFiles: [.amb, .ann, .bwt, .pac, .sa]
steps:
  align:
    run: align.cwl
    in:
      sample: sample
      forward: forward
      backward: backward
      min_seed: min_seed
      reference: reference
    out: [aligned]
  index_bam:
    run: index_bam.cwl
    in: {aligned: align/aligned}
    out: [indexed]
  flagstat:
    run: flagstat.cwl
    in: {sample: sample, aligned: index_bam/indexed}
    out: [counts]
outputs:
  alignment:
    type: File
    secondaryFiles: [.bai]
    outputSource: index_bam/indexed
  counts:
    type: File
    outputSource: flagstat/counts
