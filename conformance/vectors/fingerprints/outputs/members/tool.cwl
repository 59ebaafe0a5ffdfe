cwlVersion: v1.2
class: CommandLineTool
$namespaces: {s: "http://schema.org/"}
baseCommand: align
inputs: []
outputs:
  bam:
    type: File
    label: prose
    streamable: false
    format: "http://edamontology.org/format_2572"
    secondaryFiles: [.bai, .md5?]
    s:note: prose
    outputBinding: {glob: "*.bam"}
  names: {type: "string[]?", outputBinding: {glob: [a.txt, b.txt], loadContents: true}}
