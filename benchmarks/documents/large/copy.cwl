cwlVersion: v1.2
class: CommandLineTool
baseCommand: cp
inputs:
  block:
    type: File
    inputBinding: {position: 1}
arguments:
  - {position: 2, valueFrom: $(inputs.block.nameroot).copy}
outputs:
  copied:
    type: File
    outputBinding: {glob: '*.copy'}
