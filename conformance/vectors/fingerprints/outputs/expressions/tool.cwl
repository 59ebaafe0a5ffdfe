cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InlineJavascriptRequirement: {expressionLib: ["var x = 1;"]}
  LoadListingRequirement: {loadListing: deep_listing}
  ResourceRequirement: {coresMin: 2}
inputs: []
outputs:
  n: {type: int, outputBinding: {outputEval: $(runtime.cores)}}
