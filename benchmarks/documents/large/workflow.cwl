cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
inputs:
  blocks: File[]
steps:
  copy:
    run: copy.cwl
    scatter: block
    in: {block: blocks}
    out: [copied]
outputs:
  copied:
    type: File[]
    outputSource: copy/copied
