cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InlineJavascriptRequirement:
    expressionLib: ["function names(o) { for (var n in o) { return n; } }"]
arguments: [$(names(inputs.r))]
inputs: {r: Any}
outputs: []
