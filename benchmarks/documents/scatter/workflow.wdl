version 1.0

workflow main {
  input {
    Array[File] texts
  }
  scatter (text in texts) {
    call sort { input: text = text }
  }
  call sign { input: word = "edition-0" }
  output {
    File signed = sign.signed
    Array[File] sorted = sort.sorted
  }
}

task sort {
  input {
    File text
  }
  String name = basename(text, ".txt")
  command <<< sort ~{text} > ~{name}.sorted >>>
  output {
    File sorted = "~{name}.sorted"
  }
}

task sign {
  input {
    String word
  }
  command <<< echo ~{word} > sign.txt >>>
  output {
    File signed = "sign.txt"
  }
}
