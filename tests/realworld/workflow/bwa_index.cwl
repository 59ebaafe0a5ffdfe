cwlVersion: v1.2
class: CommandLineTool
label: Index the reference for bwa
requirements:
  InitialWorkDirRequirement:
    listing: [$(inputs.reference)]
baseCommand: [bwa, index]
inputs:
  reference:
    type: File
    inputBinding: {valueFrom: $(self.basename)}
outputs:
  indexed:
    type: File
    secondaryFiles: [.amb, .ann, .bwt, .pac, .sa]
    outputBinding: {glob: $(inputs.reference.basename)}
