cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(inputs.f.contents)]
inputs:
  f: {type: File, loadContents: true}
  g: {type: "File[]", loadContents: true}
outputs: []
