cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: [$(JSON.stringify(inputs.fs))]
inputs:
  fs: File[]
  ds: Directory[]
outputs: []
