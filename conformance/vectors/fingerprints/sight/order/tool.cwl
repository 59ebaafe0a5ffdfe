cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: [$(JSON.stringify(inputs.r))]
inputs:
  r: Any
  f: {type: "File?"}
  n: {type: int, default: 1}
outputs: []
