cwlVersion: v1.2
class: Workflow
inputs: []
outputs: []
steps:
  align:
    run: tool.cwl
    in:
      d:
        default:
          class: Directory
          location: data
          listing: [{class: File, location: data/a.txt}, {class: File, location: other.txt}]
    out: []
