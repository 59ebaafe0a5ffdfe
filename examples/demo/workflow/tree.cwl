cwlVersion: v1.2
class: CommandLineTool
label: Draw the tree
doc: Builds the family tree of the samples with bootstrap support, and the report.

baseCommand: python3

inputs:
  script:
    type: File
    default: {class: File, location: scripts/draw_tree.py}
    inputBinding: {position: 1}
  replicates:
    type: int
    doc: Bootstrap replicates.
    default: 3000
    inputBinding: {position: 2, prefix: --replicates}
  sites:
    type: File
    format: edam:format_3475
    inputBinding: {position: 3}

outputs:
  tree:
    type: File
    format: edam:format_1910
    outputBinding: {glob: tree.nwk}
  report:
    type: File
    format: edam:format_2331
    outputBinding: {glob: report.html}

$namespaces: {edam: "http://edamontology.org/"}
