cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  DockerRequirement: {dockerImageId: "align.sif"}
inputs: []
outputs: []
