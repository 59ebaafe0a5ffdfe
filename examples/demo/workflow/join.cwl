cwlVersion: v1.2
class: CommandLineTool
label: Join the samples
doc: Tabulates each site at which any sample varies, with the base of every sample.

baseCommand: python3

inputs:
  script:
    type: File
    default: {class: File, location: scripts/join_samples.py}
    inputBinding: {position: 1}
  calls:
    type: File[]
    format: edam:format_3016
    secondaryFiles: [^.consensus.fa]
    inputBinding: {position: 2}

stdout: sites.tsv

outputs:
  sites:
    type: stdout
    format: edam:format_3475

$namespaces: {edam: "http://edamontology.org/"}
