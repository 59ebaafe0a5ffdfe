cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
inputs:
  words: string[]
steps:
  speak:
    run: speak.cwl
    scatter: word
    in: {word: words}
    out: [spoken]
  join:
    run: join.cwl
    in:
      parts: speak/spoken
      name: {default: row.txt}
    out: [joined]
outputs:
  joined:
    type: File
    outputSource: join/joined
