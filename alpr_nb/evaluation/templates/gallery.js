(function(root){
 var list=root.querySelector('ol'),all=[].slice.call(list.children),told=root.querySelector('.told'),ask=root.querySelector('form');
 var keeps=root.hasAttribute('data-page'),field=function(n){return ask.elements[n]};
 var by={highest:function(a,b){return b.confidence-a.confidence},lowest:function(a,b){return a.confidence-b.confidence},
  worst:function(a,b){return b.distance-a.distance},name:function(a,b){return a.image<b.image?-1:a.image>b.image?1:0}};
 function show(){
  var n=0,sort=by[field('sort').value]||by.highest;
  all.forEach(function(li){var d=li.dataset,least=field('least').value;
   li.hidden=!(['set','kind'].every(function(k){var f=field(k);return !f||!f.value||f.value===d[k]})
    &&(!field('characters').value||d.characters.split('|').indexOf(field('characters').value)>=0)
    &&+d.confidence>=+least&&d.text.indexOf(field('text').value.trim().toLowerCase())>=0);
   if(!li.hidden)n++});
  all.map(function(li,i){return [li,i]}).sort(function(a,b){return sort(a[0].dataset,b[0].dataset)||a[1]-b[1]}).forEach(function(p){list.appendChild(p[0])});
  root.querySelector('output').textContent=(+field('least').value).toFixed(2);
  told.textContent=n===all.length?n+(n===1?' failure':' failures'):n+' of '+all.length+' failures';
  if(keeps){var q=new URLSearchParams();['set','kind','characters','least','text','sort'].forEach(function(k){var f=field(k);
    if(f&&f.value&&f.value!==f.getAttribute('data-first'))q.set(k,f.value)});
   history.replaceState(null,'',q.toString()?'#'+q:location.pathname+location.search)}
 }
 function start(){ask.reset();if(keeps)new URLSearchParams(location.hash.slice(1)).forEach(function(v,k){if(field(k))field(k).value=v});show()}
 ask.addEventListener('input',show);ask.addEventListener('change',show);ask.addEventListener('submit',function(e){e.preventDefault()});
 root.querySelector('.again').addEventListener('click',function(){ask.reset();show()});
 if(keeps)window.addEventListener('hashchange',start);
 ask.hidden=false;start();
})(document.getElementById('{{ key }}'));
