cwlVersion: v1.2
class: Workflow
label: Outbreak tree
doc: >
  Short reads of several isolates of one bacterium in; the sites at which they differ and
  their family tree out. Every tool is a small Python script.

requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}

inputs:
  reference:
    type: File
    format: edam:format_1929
  samples:
    type: string[]
    doc: Name of each isolate, in the order of the reads.
  reads:
    type: File[]
    format: edam:format_1930

steps:
  index:
    run: index.cwl
    in: {reference: reference}
    out: [indexed]
  sample:
    run: sample.cwl
    scatter: [sample, reads]
    scatterMethod: dotproduct
    in: {sample: samples, reads: reads, reference: index/indexed}
    out: [calls]
  join:
    run: join.cwl
    in: {calls: sample/calls}
    out: [sites]
  tree:
    run: tree.cwl
    in: {sites: join/sites}
    out: [tree, report]

outputs:
  calls:
    type: File[]
    format: edam:format_3016
    secondaryFiles: [^.consensus.fa]
    outputSource: sample/calls
  sites:
    type: File
    format: edam:format_3475
    outputSource: join/sites
  newick:
    type: File
    format: edam:format_1910
    outputSource: tree/tree
  report:
    type: File
    format: edam:format_2331
    outputSource: tree/report

$namespaces: {edam: "http://edamontology.org/"}
