cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
inputs:
  texts: File[]
steps:
  sort:
    run: sort.cwl
    scatter: text
    in: {text: texts}
    out: [sorted]
  sign:
    run: sign.cwl
    in:
      word: {default: edition-0}
    out: [signed]
outputs:
  signed:
    type: File
    outputSource: sign/signed
  sorted:
    type: File[]
    outputSource: sort/sorted
