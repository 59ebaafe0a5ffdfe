cwlVersion: v1.2
class: CommandLineTool
$namespaces: {s: "http://schema.org/"}
baseCommand: align
inputs:
  reads:
    type: File
    label: prose
    doc: prose
    streamable: true
    loadContents: false
    format: "http://edamontology.org/format_1930"
    secondaryFiles: [.idx, "^.dict?", {pattern: .md5, required: true}, {pattern: ^^.x, required: false}]
    s:note: prose
    inputBinding: {prefix: -i, position: 1, separate: true}
  text:
    type: File
    loadContents: true
    inputBinding: {}
  level:
    type: int
    default: 3
    inputBinding: {prefix: --level=, separate: false, valueFrom: $(self)}
  words:
    type: string[]
    inputBinding: {itemSeparator: ",", position: $(inputs.level)}
  each:
    type:
      type: array
      items: string
      inputBinding: {prefix: -e, shellQuote: true}
outputs: []
