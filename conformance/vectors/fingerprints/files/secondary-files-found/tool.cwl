cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  f:
    type: File
    secondaryFiles: [^.bai, {pattern: .md5, required: false}, .idx?]
  g:
    type: File[]
    secondaryFiles: [.idx]
outputs: []
