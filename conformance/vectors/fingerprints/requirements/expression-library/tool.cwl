cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InlineJavascriptRequirement: {expressionLib: ["function one() { return 1; }", {$include: two.js}]}
arguments: [$(one())]
inputs: []
outputs: []
