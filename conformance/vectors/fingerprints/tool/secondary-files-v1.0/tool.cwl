cwlVersion: v1.0
class: CommandLineTool
baseCommand: align
inputs:
  f: {type: File, secondaryFiles: .idx}
  g: {type: File, secondaryFiles: [.idx, ^.dict]}
outputs: []
