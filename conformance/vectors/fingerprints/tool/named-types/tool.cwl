cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  SchemaDefRequirement:
    types:
      - $import: types.yml
inputs:
  pair: types.yml#pair
  pairs: {type: {type: array, items: types.yml#pair}}
  speed: ["null", types.yml#speed]
outputs: []
