cwlVersion: v1.2
class: CommandLineTool
label: Trim reads
doc: Cuts the adapter and the end of low quality off each read; drops what is then too short.

baseCommand: python3

inputs:
  script:
    type: File
    default: {class: File, location: scripts/trim_reads.py}
    inputBinding: {position: 1}
  sample:
    type: string
  adapter:
    type: string
    default: AGATCGGAAGAGCACACGTCTGAACTCCAGTCA
    inputBinding: {position: 2, prefix: --adapter}
  min_quality:
    type: int
    doc: Phred score below which the end of a read is cut.
    default: 20
    inputBinding: {position: 2, prefix: --quality}
  reads:
    type: File
    format: edam:format_1930
    inputBinding: {position: 3}

stdout: $(inputs.sample).trimmed.fastq

outputs:
  trimmed:
    type: stdout
    format: edam:format_1930

$namespaces: {edam: "http://edamontology.org/"}
