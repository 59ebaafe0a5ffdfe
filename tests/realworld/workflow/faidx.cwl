cwlVersion: v1.2
class: CommandLineTool
label: Index the reference for samtools
requirements:
  InitialWorkDirRequirement:
    listing: [$(inputs.reference)]
baseCommand: [samtools, faidx]
inputs:
  reference:
    type: File
    inputBinding: {valueFrom: $(self.basename)}
outputs:
  indexed:
    type: File
    secondaryFiles: [.fai]
    outputBinding: {glob: $(inputs.reference.basename)}
