cwlVersion: v1.2
class: CommandLineTool
$namespaces: {ex: "http://example.org/"}
$schemas: [formats.ttl]
baseCommand: align
inputs:
  f: {type: File, format: "ex:text"}
outputs: []
