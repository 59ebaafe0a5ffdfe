cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InlineJavascriptRequirement: {expressionLib: ["var x = 1;"]}
inputs: {f: File}
outputs:
  o: {type: string, outputBinding: {outputEval: $(inputs.f.location)}}
