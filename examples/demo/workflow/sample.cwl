cwlVersion: v1.2
class: Workflow
label: One sample, from reads to variants

inputs:
  sample:
    type: string
  reads:
    type: File
    format: edam:format_1930
  reference:
    type: File
    format: edam:format_1929
    secondaryFiles: [.kmi]

steps:
  trim:
    run: trim.cwl
    in: {sample: sample, reads: reads}
    out: [trimmed]
  align:
    run: align.cwl
    in: {sample: sample, reference: reference, reads: trim/trimmed}
    out: [pileup]
  call:
    run: call.cwl
    in: {sample: sample, pileup: align/pileup}
    out: [calls]

outputs:
  calls:
    type: File
    format: edam:format_3016
    secondaryFiles: [^.consensus.fa]
    outputSource: call/calls

$namespaces: {edam: "http://edamontology.org/"}
