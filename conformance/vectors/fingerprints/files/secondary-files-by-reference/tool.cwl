cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  f:
    type: File
    secondaryFiles: [$(inputs.name).idx]
  name: string
outputs: []
