cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs:
  texts:
    type: File[]
    inputBinding: {position: 1}
stdout: gathered.txt
outputs:
  gathered: stdout
