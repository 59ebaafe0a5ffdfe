cwlVersion: v1.2
class: CommandLineTool
baseCommand: sum
requirements:
  SchemaDefRequirement:
    types: [{$import: types.yml}]
inputs:
  pair: types.yml#pair
  any: Any
outputs: {code: {type: int, outputBinding: {outputEval: $(runtime.exitCode)}}}
