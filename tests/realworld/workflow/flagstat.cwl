cwlVersion: v1.2
class: CommandLineTool
label: Count the alignments
baseCommand: [samtools, flagstat]
inputs:
  sample: string
  aligned:
    type: File
    secondaryFiles: [.bai]
    inputBinding: {}
stdout: $(inputs.sample).flagstat.txt
outputs:
  counts:
    type: stdout
