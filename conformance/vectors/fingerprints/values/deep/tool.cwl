cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  r: {type: {type: record, fields: {n: int, l: "string[]", f: File}}}
  any: Any
outputs: []
