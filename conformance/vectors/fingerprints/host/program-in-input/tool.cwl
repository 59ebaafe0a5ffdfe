cwlVersion: v1.2
class: CommandLineTool
inputs:
  program: {type: string, inputBinding: {position: 1}}
  other: {type: string, inputBinding: {position: 2, prefix: uniq}}
  f: File
outputs: []
