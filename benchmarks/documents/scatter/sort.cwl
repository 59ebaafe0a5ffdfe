cwlVersion: v1.2
class: CommandLineTool
baseCommand: sort
inputs:
  text:
    type: File
    inputBinding: {position: 1}
stdout: $(inputs.text.nameroot).sorted
outputs:
  sorted: stdout
