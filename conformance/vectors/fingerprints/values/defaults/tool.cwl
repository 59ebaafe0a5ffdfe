cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  a: {type: int, default: 1}
  b: {type: "int?", default: 2}
  c: {type: "int?", default: 3}
  d: int?
  e: int?
  f: {type: File, default: {class: File, location: a.txt}}
  g: {type: Any, default: {x: [1, {class: File, basename: l.txt, contents: "literal"}]}}
outputs: []
