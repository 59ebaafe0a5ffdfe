cwlVersion: v1.2
class: CommandLineTool
label: Index the reference
doc: >
  Finds every k-mer of the reference and which of them stand in one place only. The indexes
  travel with the FASTA as its secondary files.

requirements:
  InitialWorkDirRequirement:
    listing: [$(inputs.reference)]

baseCommand: python3

inputs:
  script:
    type: File
    default: {class: File, location: scripts/index_reference.py}
    inputBinding: {position: 1}
  kmer:
    type: int
    doc: Length of the k-mers, in bases.
    default: 15
    inputBinding: {position: 2, prefix: --kmer}
  reference:
    type: File
    format: edam:format_1929
    inputBinding: {position: 3, valueFrom: $(self.basename)}

outputs:
  indexed:
    type: File
    format: edam:format_1929
    secondaryFiles: [.kmi, .fai]
    outputBinding: {glob: $(inputs.reference.basename)}

$namespaces: {edam: "http://edamontology.org/"}
