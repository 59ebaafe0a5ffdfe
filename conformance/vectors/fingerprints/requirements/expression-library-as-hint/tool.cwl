cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
hints:
  InlineJavascriptRequirement: {expressionLib: ["function one() { return 1; }"]}
arguments: [$(inputs.n)]
inputs: {n: int}
outputs: []
