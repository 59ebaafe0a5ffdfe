cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  f: {type: File, secondaryFiles: .idx}
  g: {type: File, secondaryFiles: {pattern: .idx}}
  h: {type: File, secondaryFiles: [{pattern: .idx}, .none?]}
  r: {type: {type: record, fields: {f: {type: File, secondaryFiles: .idx?}, fs: {type: "File[]", secondaryFiles: [.idx]}}}}
outputs: []
