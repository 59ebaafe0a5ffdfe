cwlVersion: v1.1
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement: {listing: $(inputs.fs)}
inputs: {fs: "File[]"}
outputs: []
