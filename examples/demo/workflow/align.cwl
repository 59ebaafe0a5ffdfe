cwlVersion: v1.2
class: CommandLineTool
label: Align reads
doc: Places each read by its unique k-mers, aligns it with gaps, and writes the pile-up.

baseCommand: python3

inputs:
  script:
    type: File
    default: {class: File, location: scripts/align_reads.py}
    inputBinding: {position: 1}
  sample:
    type: string
  reference:
    type: File
    format: edam:format_1929
    secondaryFiles: [.kmi]
    inputBinding: {position: 2}
  reads:
    type: File
    format: edam:format_1930
    inputBinding: {position: 3}

stdout: $(inputs.sample).pileup

outputs:
  pileup:
    type: stdout
    format: edam:format_3015

$namespaces: {edam: "http://edamontology.org/"}
