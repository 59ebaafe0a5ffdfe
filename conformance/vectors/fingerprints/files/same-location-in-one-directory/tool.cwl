cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement: {listing: [$(inputs.a)]}
inputs: {a: File, b: File, c: File}
outputs: []
