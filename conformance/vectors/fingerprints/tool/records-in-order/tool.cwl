cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs:
  - id: zeta
    type:
      type: record
      fields:
        - name: second
          type: {type: record, fields: {a: int}}
        - name: first
          type: ["null", {type: record, fields: {a: {type: int, inputBinding: {prefix: -a}}}}]
        - {name: other, type: string}
  - {id: name, type: string}
  - id: alpha
    type: {type: array, items: {type: record, fields: {x: int}}}
outputs: []
