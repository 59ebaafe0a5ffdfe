cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  SchemaDefRequirement:
    types:
      - name: node
        type: record
        fields:
          value: int
          next: ["null", "#node"]
inputs:
  list: "#node"
outputs: []
