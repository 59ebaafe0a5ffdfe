cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs:
  parts:
    type: File[]
    inputBinding: {position: 1}
  name: string
stdout: $(inputs.name)
outputs:
  joined: stdout
