cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements: {InlineJavascriptRequirement: {}}
arguments: [$(new Date(0).toLocaleString())]
inputs: []
outputs: []
