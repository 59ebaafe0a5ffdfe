cwlVersion: v1.2
class: CommandLineTool
$namespaces: {s: "http://schema.org/"}
id: a-name-of-its-own
label: Aligner
doc: [It aligns., Slowly.]
intent: ["http://edamontology.org/operation_0292"]
s:author: nobody
# A comment.
baseCommand: [align]
arguments: []
successCodes: []
inputs: {}
outputs: {}
