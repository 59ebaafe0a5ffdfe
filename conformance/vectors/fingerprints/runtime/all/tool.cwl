cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InlineJavascriptRequirement: {}
  ResourceRequirement: {coresMin: 1.5, ramMin: 10}
arguments: ["$(Object.keys(runtime).length)"]
inputs: []
outputs: []
