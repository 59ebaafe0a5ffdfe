cwlVersion: v1.2
class: CommandLineTool
label: Call variants
doc: >
  Calls the single-base variants of a haploid sample. The consensus sequence, N where too few
  reads tell, goes beside the VCF as its secondary file.

baseCommand: python3

inputs:
  script:
    type: File
    default: {class: File, location: scripts/call_variants.py}
    inputBinding: {position: 1}
  sample:
    type: string
    inputBinding: {position: 2, prefix: --sample}
  min_depth:
    type: int
    doc: Reads that must lie over a position for it to be called.
    default: 4
    inputBinding: {position: 2, prefix: --min-depth}
  pileup:
    type: File
    format: edam:format_3015
    inputBinding: {position: 3}

outputs:
  calls:
    type: File
    format: edam:format_3016
    secondaryFiles: [^.consensus.fa]
    outputBinding: {glob: $(inputs.sample).vcf}

$namespaces: {edam: "http://edamontology.org/"}
