cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement: {listing: [{entry: $(inputs.fs)}]}
inputs:
  fs: File[]
outputs: []
