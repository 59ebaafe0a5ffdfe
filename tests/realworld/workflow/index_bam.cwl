cwlVersion: v1.2
class: CommandLineTool
label: Index the alignment
requirements:
  InitialWorkDirRequirement:
    listing: [$(inputs.aligned)]
baseCommand: [samtools, index]
inputs:
  aligned:
    type: File
    inputBinding: {valueFrom: $(self.basename)}
outputs:
  indexed:
    type: File
    secondaryFiles: [.bai]
    outputBinding: {glob: $(inputs.aligned.basename)}
