cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
inputs:
  rows:
    type: {type: array, items: {type: array, items: string}}
steps:
  row:
    run: row.cwl
    scatter: words
    in: {words: rows}
    out: [joined]
  join:
    run: join.cwl
    in:
      parts: row/joined
      name: {default: all.txt}
    out: [joined]
outputs:
  all:
    type: File
    outputSource: join/joined
